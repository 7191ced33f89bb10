{# Incremental models: built whole the first time and under --full-refresh, else the query's rows are brought into the table by
   a strategy, after the table's columns were adapted as on_schema_change says. #}

{% materialization incremental, default %}
  {% set existing = load_cached_relation(this) %}
  {% set target_relation = this.incorporate(type='table') %}
  {% set staged = make_temp_relation(target_relation) %}
  {% set building = make_intermediate_relation(target_relation) %}
  {% set retired = make_backup_relation(target_relation, 'table' if existing is none else existing.type) %}
  {% set rebuild = should_full_refresh() or existing.is_view or existing.is_materialized_view %}
  {% set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') %}
  {% set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') %}

  {% do _drop_leftovers([building, retired]) %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% if existing is none %}
    {% set indexed = target_relation %}
    {% set build_sql = get_create_table_as_sql(False, target_relation, sql) %}
  {% elif rebuild %}
    {% set indexed = building %}
    {% set build_sql = get_create_table_as_sql(False, building, sql) %}
  {% else %}
    {% do run_query(get_create_table_as_sql(True, staged, sql)) %}
    {% if not config.get('contract').enforced %}
      {% do adapter.expand_target_column_types(from_relation=staged, to_relation=target_relation) %}
    {% endif %}
    {% set columns = process_schema_changes(on_schema_change, staged, existing) or adapter.get_columns_in_relation(existing) %}
    {% set build_sql = strategy({
        'target_relation': target_relation, 'temp_relation': staged, 'unique_key': config.get('unique_key'), 'dest_columns': columns,
        'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none)}) %}
  {% endif %}

  {% call statement('main') %}
      {{ build_sql }}
  {% endcall %}
  {% if indexed is defined %}{% do create_indexes(indexed) %}{% endif %}
  {% if existing is not none and rebuild %}{% do _swap_into_place(existing, retired, building, target_relation) %}{% endif %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, rebuild)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {% if existing is not none and rebuild %}{% do adapter.drop_relation(retired) %}{% endif %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}

{# -- strategies: get_incremental_<name>_sql; a project may add its own. The argument is a dict -- #}

{% macro get_incremental_default_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_default_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_default_sql(arg_dict) %}{% do return(get_incremental_append_sql(arg_dict)) %}{% endmacro %}

{% macro get_incremental_append_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_append_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_append_sql(arg_dict) %}
  {% do return(get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])) %}
{% endmacro %}
{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) %}
  {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) %}
    insert into {{ target_relation }} ({{ names }})
    (
        select {{ names }}
        from {{ temp_relation }}
    )
{% endmacro %}

{% macro get_incremental_delete_insert_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_delete_insert_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_delete_insert_sql(arg_dict) %}
  {% do return(get_delete_insert_merge_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'], arg_dict['dest_columns'], arg_dict['incremental_predicates'])) %}
{% endmacro %}
{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
  {{ adapter.dispatch('get_delete_insert_merge_sql', 'dbt')(target, source, unique_key, dest_columns, incremental_predicates) }}
{%- endmacro %}
{% macro default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
  {%- if unique_key -%}
    {%- set key = unique_key if unique_key is string else unique_key | join(', ') %}
    delete from {{ target }} as DBT_INTERNAL_DEST
    where ({{ key }}) in (
        select distinct {{ key }}
        from {{ source }} as DBT_INTERNAL_SOURCE
    )
    {%- for predicate in incremental_predicates or [] %}
        and {{ predicate }}
    {%- endfor %};
  {% endif %}
    {{- get_insert_into_sql(target, source, dest_columns) }}
{%- endmacro %}

{% macro get_incremental_merge_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_merge_sql(arg_dict) %}
  {% do return(get_merge_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'], arg_dict['dest_columns'], arg_dict['incremental_predicates'])) %}
{% endmacro %}
{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {{ adapter.dispatch('get_merge_sql', 'dbt')(target, source, unique_key, dest_columns, kwargs.get('predicates', incremental_predicates)) }}
{%- endmacro %}
{% macro default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  {%- set updated = get_merge_update_columns(config.get('merge_update_columns'), config.get('merge_exclude_columns'), dest_columns) -%}
  {%- set conditions = [] + (incremental_predicates or []) -%}
  {%- if not unique_key -%}
    {%- do conditions.append('FALSE') -%}
  {%- elif unique_key is string -%}
    {%- do conditions.append(get_merge_unique_key_match('DBT_INTERNAL_SOURCE.' ~ unique_key, 'DBT_INTERNAL_DEST.' ~ unique_key)) -%}
  {%- else -%}
    {%- for key in unique_key -%}{%- do conditions.append('DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key) -%}{%- endfor -%}
  {%- endif -%}
  {{ config.get('sql_header', none) or '' }}
    merge into {{ target }} as DBT_INTERNAL_DEST
        using {{ source }} as DBT_INTERNAL_SOURCE
        on ({{ conditions | join(') and (') }})
  {%- if unique_key %}
    when matched then update set
        {% for column in updated %}{{ column }} = DBT_INTERNAL_SOURCE.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
  {%- endif %}
    when not matched then insert
        ({{ names }})
    values
        ({{ names }})
{% endmacro %}
{% macro get_merge_unique_key_match(source_unique_key, target_unique_key) %}{% do return(adapter.dispatch('get_merge_unique_key_match', 'dbt')(source_unique_key, target_unique_key)) %}{% endmacro %}
{% macro default__get_merge_unique_key_match(source_unique_key, target_unique_key) %}{% do return(equals(source_unique_key, target_unique_key) | trim) %}{% endmacro %}

{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}{% do return(adapter.dispatch('get_merge_update_columns', 'dbt')(merge_update_columns, merge_exclude_columns, dest_columns)) %}{% endmacro %}
{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {% if merge_update_columns and merge_exclude_columns %}
    {% do exceptions.raise_compiler_error('Model cannot specify merge_update_columns and merge_exclude_columns. Please update model to use only one config') %}
  {% endif %}
  {% if merge_update_columns %}{% do return(merge_update_columns) %}{% endif %}
  {% set excluded = merge_exclude_columns | map('lower') | list if merge_exclude_columns else [] %}
  {% set updated = [] %}
  {% for column in dest_columns if column.column | lower not in excluded %}{% do updated.append(column.quoted) %}{% endfor %}
  {% do return(updated) %}
{% endmacro %}

{% macro get_incremental_insert_overwrite_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_insert_overwrite_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_insert_overwrite_sql(arg_dict) %}
  {% do return(get_insert_overwrite_merge_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'], arg_dict['incremental_predicates'])) %}
{% endmacro %}
{% macro get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) -%}
  {{ adapter.dispatch('get_insert_overwrite_merge_sql', 'dbt')(target, source, dest_columns, predicates, include_sql_header) }}
{%- endmacro %}
{% macro default__get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header) %}
  {% do exceptions.raise_not_implemented('get_insert_overwrite_merge_sql macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{% macro get_incremental_microbatch_sql(arg_dict) %}{% do return(adapter.dispatch('get_incremental_microbatch_sql', 'dbt')(arg_dict)) %}{% endmacro %}
{% macro default__get_incremental_microbatch_sql(arg_dict) %}
  {% do exceptions.raise_not_implemented('microbatch materialization strategy not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{# -- on_schema_change -- #}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') %}
  {% if on_schema_change in ['sync_all_columns', 'append_new_columns', 'fail', 'ignore'] %}{% do return(on_schema_change) %}{% endif %}
  {% do log('Invalid value for on_schema_change (' ~ on_schema_change ~ ') specified. Setting default value of ' ~ default ~ '.') %}
  {% do return(default) %}
{% endmacro %}

{% macro check_for_schema_changes(source_relation, target_relation) %}{% do return(adapter.dispatch('check_for_schema_changes', 'dbt')(source_relation, target_relation)) %}{% endmacro %}
{% macro default__check_for_schema_changes(source_relation, target_relation) %}
  {% set new = adapter.get_columns_in_relation(source_relation) %}
  {% set old = adapter.get_columns_in_relation(target_relation) %}
  {% set added = diff_columns(new, old) %}
  {% set removed = diff_columns(old, new) %}
  {% set retyped = diff_column_data_types(new, old) %}
  {% do return({
      'schema_changed': (added or removed or retyped) != [], 'source_not_in_target': added, 'target_not_in_source': removed,
      'source_columns': new, 'target_columns': old, 'new_target_types': retyped}) %}
{% endmacro %}

{% macro sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}{% do return(adapter.dispatch('sync_column_schemas', 'dbt')(on_schema_change, target_relation, schema_changes_dict)) %}{% endmacro %}
{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}
  {% set added = schema_changes_dict['source_not_in_target'] %}
  {% set whole = on_schema_change == 'sync_all_columns' %}
  {% set removed = schema_changes_dict['target_not_in_source'] if whole else [] %}
  {% set retyped = schema_changes_dict['new_target_types'] if whole else [] %}
  {% if added or removed %}{% do alter_relation_add_remove_columns(target_relation, added, removed) %}{% endif %}
  {% for column in retyped %}{% do alter_column_type(target_relation, column['column_name'], column['new_type']) %}{% endfor %}
  {% do log('In ' ~ target_relation ~ ' (' ~ on_schema_change ~ '): columns added ' ~ added ~ ', removed ' ~ removed ~ ', data types changed ' ~ retyped) %}
{% endmacro %}

{# The columns that the strategy writes; {} where the table's own are to be used. #}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) %}{% do return(adapter.dispatch('process_schema_changes', 'dbt')(on_schema_change, source_relation, target_relation)) %}{% endmacro %}
{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) %}
  {% if on_schema_change == 'ignore' %}{% do return({}) %}{% endif %}
  {% set changes = check_for_schema_changes(source_relation, target_relation) %}
  {% if changes['schema_changed'] and on_schema_change == 'fail' %}
    {% do exceptions.raise_compiler_error(
        "The source and target schemas on this incremental model are out of sync!\n"
        "  Source columns not in target: " ~ changes['source_not_in_target'] ~ "\n"
        "  Target columns not in source: " ~ changes['target_not_in_source'] ~ "\n"
        "  New column types: " ~ changes['new_target_types'] ~ "\n"
        "Set `on_schema_change` to append_new_columns or sync_all_columns, run the model with --full-refresh, or alter the table.") %}
  {% elif changes['schema_changed'] %}
    {% do sync_column_schemas(on_schema_change, target_relation, changes) %}
  {% endif %}
  {% do return(changes['source_columns']) %}
{% endmacro %}
