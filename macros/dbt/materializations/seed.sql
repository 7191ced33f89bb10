{# Seeds in the general way: rows as parameters of INSERT. weir loads by COPY unless a project overrides one of these. #}

{% macro create_csv_table(model, agate_table) -%}
  {{ adapter.dispatch('create_csv_table', 'dbt')(model, agate_table) }}
{%- endmacro %}
{% macro default__create_csv_table(model, agate_table) %}
  {% set types = model['config'].get('column_types', {}) %}
  {% set quote = model['config'].get('quote_columns', None) %}
  {% set columns = [] %}
  {% for name in agate_table.column_names %}
    {% do columns.append(adapter.quote_seed_column(name | string, quote) ~ ' ' ~ types.get(name, adapter.convert_type(agate_table, loop.index0))) %}
  {% endfor %}
  {% set sql %}
    create table {{ this.render() }} ({{ columns | join(', ') }})
  {% endset %}
  {% call statement('_') %}{{ sql }}{% endcall %}
  {% do return(sql) %}
{% endmacro %}

{% macro reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {{ adapter.dispatch('reset_csv_table', 'dbt')(model, full_refresh, old_relation, agate_table) }}
{%- endmacro %}
{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
  {% if full_refresh %}
    {% do adapter.drop_relation(old_relation) %}
    {% do return(create_csv_table(model, agate_table)) %}
  {% endif %}
  {% do adapter.truncate_relation(old_relation) %}
  {% do return('truncate table ' ~ old_relation.render()) %}
{% endmacro %}

{% macro get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ adapter.dispatch('get_csv_sql', 'dbt')(create_or_truncate_sql, insert_sql) }}
{% endmacro %}
{% macro default__get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ create_or_truncate_sql }};
    -- dbt seed --
    {{ insert_sql }}
{% endmacro %}

{% macro get_binding_char() %}{% do return(adapter.dispatch('get_binding_char', 'dbt')()) %}{% endmacro %}
{% macro default__get_binding_char() %}{% do return('%s') %}{% endmacro %}
{% macro get_batch_size() %}{% do return(adapter.dispatch('get_batch_size', 'dbt')()) %}{% endmacro %}
{% macro default__get_batch_size() %}{% do return(10000) %}{% endmacro %}

{% macro get_seed_column_quoted_csv(model, column_names) %}
  {% set quoted = [] %}
  {% for name in column_names %}{% do quoted.append(adapter.quote_seed_column(name, model['config'].get('quote_columns', None))) %}{% endfor %}
  {% do return(quoted | join(', ')) %}
{% endmacro %}

{% macro load_csv_rows(model, agate_table) -%}
  {{ adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table) }}
{%- endmacro %}
{% macro default__load_csv_rows(model, agate_table) %}
  {% set columns = get_seed_column_quoted_csv(model, agate_table.column_names) %}
  {% set placeholders = '(' ~ ([get_binding_char()] * (agate_table.column_names | length)) | join(',') ~ ')' %}
  {% set texts = [] %}
  {% for rows in agate_table.rows | batch(get_batch_size()) %}
    {% set values = [] %}
    {% for row in rows %}{% do values.extend(row) %}{% endfor %}
    {% set sql = 'insert into ' ~ this.render() ~ ' (' ~ columns ~ ') values ' ~ ([placeholders] * (rows | length)) | join(',') %}
    {% do adapter.add_query(sql, bindings=values, abridge_sql_log=True) %}
    {% if loop.first %}{% do texts.append(sql) %}{% endif %}
  {% endfor %}
  {% do return(texts[0]) %}
{% endmacro %}

{% materialization seed, default %}
  {% set full_refresh = should_full_refresh() %}
  {% set existing = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) %}
  {% set rows = load_agate_table() %}
  {% do store_result('agate_table', response='OK', agate_table=rows) %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% if existing is none %}
    {% set prepared = create_csv_table(model, rows) %}
  {% elif existing.is_view %}
    {% do exceptions.raise_compiler_error("Cannot seed to '" ~ existing.render() ~ "', it is a view") %}
  {% else %}
    {% set prepared = reset_csv_table(model, full_refresh, existing, rows) %}
  {% endif %}
  {% set count = rows.rows | length %}
  {% set inserted = load_csv_rows(model, rows) if count > 0 else '' %}
  {% set code = 'CREATE' if full_refresh else 'INSERT' %}
  {% call noop_statement('main', code ~ ' ' ~ count, code, count) %}
    {{ get_csv_sql(prepared, inserted) }};
  {% endcall %}

  {% set target_relation = this.incorporate(type='table') %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh)) %}
  {% do persist_docs(target_relation, model) %}
  {% if full_refresh or existing is none %}{% do create_indexes(target_relation) %}{% endif %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}
