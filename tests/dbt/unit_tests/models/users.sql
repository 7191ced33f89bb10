select 1 as id, 'a@x.com'::text as email, now() as at union all select 2, 'bad', now()
