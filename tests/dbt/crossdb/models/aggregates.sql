with r as (select * from (values (1, 'a'), (2, 'b'), (3, 'c')) v(x, y))
select {{ dbt.any_value('x') }} as any_value, {{ dbt.bool_or('x > 1') }} as bool_or, {{ dbt.listagg('y', "'|'", 'order by y desc') }} as la, {{ dbt.listagg('y', "'|'", 'order by y', 2) }} as la2, {{ dbt.listagg('y') is string }} as la3, length({{ dbt.listagg('y') }}) as la4
from r
