select 1 as id, 'red' as name
