{% macro make_schema() %}
  {% do adapter.create_schema(api.Relation.create(database=target.database, schema='kept_without_commit')) %}
{% endmacro %}
