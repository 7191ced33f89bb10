-- ref() names another model or a seed: from it dbt knows the order in which things are built.
select c.name as country, count(*) as orders, sum(o.amount) as amount
from {{ ref('example_orders') }} as o
join {{ ref('example_countries') }} as c on c.code = o.country_code
group by c.name
