{% macro get_incremental_insert_marked_sql(arg_dict) %}
  insert into {{ arg_dict['target_relation'] }} (id) select id + 100 from {{ arg_dict['temp_relation'] }}
{% endmacro %}
