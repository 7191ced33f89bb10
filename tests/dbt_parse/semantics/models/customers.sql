select 2 as customer_id, 'a' as name, current_date as since
