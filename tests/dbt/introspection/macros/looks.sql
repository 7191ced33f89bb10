{% macro columns_of(database) %}
  {% do print(adapter.get_columns_in_relation(api.Relation.create(database=database, schema='raw', identifier='orders'))) %}
{% endmacro %}
{% macro has_schema(database) %}{% do print(adapter.check_schema_exists(database, 'raw')) %}{% endmacro %}
