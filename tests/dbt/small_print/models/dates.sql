select '09/12/2023'::date as by_the_servers_order
