{% macro note_results(results) %}
  {% for r in results if 'on-run' not in r.node.name %}insert into {{ target.schema }}.log values ('{{ r.node.name }} {{ r.status }} {{ r.failures }} {{ r.adapter_response.get("rows_affected", "-") }} {{ (r.message or "").split("\n")[0][:20] }}');
  {% endfor %}
{% endmacro %}
{% macro make_thing(name, n=1) %}
  {% call statement(auto_begin=true) %}create table {{ target.schema }}.{{ name }} as select {{ n }} as n{% endcall %}
  {% do log('made ' ~ name, info=true) %}
  {% do adapter.commit() %}
{% endmacro %}
{% macro fails() %}{% do exceptions.raise_compiler_error('on purpose') %}{% endmacro %}
{% macro sql_fails() %}{% do run_query('select * from nowhere') %}{% endmacro %}
