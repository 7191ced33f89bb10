with recursive t(n) as (select 1 union all select n + 1 from t where n < 3)
select n, l.label from t join {{ ref('hidden') }} l on l.id = t.n
