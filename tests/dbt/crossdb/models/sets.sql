select 1 as a union select 2 {{ dbt.except() }} select 2
{{ dbt.intersect() }} select 1
