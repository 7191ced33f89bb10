select 'n' as name, 1 as id, 2.5::numeric(10,2) as amount
