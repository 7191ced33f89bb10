select {{ tools.column_list(['a', 'b']) }}, {{ own('x') }}, {{ var('shared') }}, {{ cents('a') }}
from {{ ref('from_tools') }} where '{{ dbt.string_literal("q") }}' = '{{ tools.one() }}'
{% if execute %}{% for row in run_query('select 2').columns[0].values() %}{{ row }}{% endfor %}{% endif %}
