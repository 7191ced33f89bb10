{# Snapshots: each version of a row with the time from which and up to which it held (slowly changing dimension, type 2). A row's
   version is open while dbt_valid_to is NULL, or is what dbt_valid_to_current says. #}

{% materialization snapshot, default %}
  {% set exists, target_relation = get_or_create_relation(
      database=model.database, schema=model.schema, identifier=model.get('alias', model.get('name')), type='table') %}
  {% if not target_relation.is_table %}{% do exceptions.relation_wrong_type(target_relation, 'table') %}{% endif %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data', model['config'], exists) %}
  {% if not exists %}
    {% set rows = build_snapshot_table(strategy, model['compiled_code']) %}
    {% set final_sql = create_table_as(False, target_relation, rows) %}
  {% else %}
    {% do adapter.assert_valid_snapshot_target_given_strategy(target_relation, config.get('snapshot_table_column_names') or get_snapshot_table_column_names(), strategy) %}
    {% set rows = snapshot_staging_table(strategy, sql, target_relation) %}
    {% set staged = build_snapshot_staging_table(strategy, sql, target_relation) %}
    {% do adapter.expand_target_column_types(from_relation=staged, to_relation=target_relation) %}

    {% set own = ['dbt_change_type', 'DBT_CHANGE_TYPE', 'dbt_unique_key', 'DBT_UNIQUE_KEY'] %}
    {% if strategy.unique_key | is_list %}
      {% for key in strategy.unique_key %}{% do own.extend(['dbt_unique_key_' ~ loop.index, 'DBT_UNIQUE_KEY_' ~ loop.index]) %}{% endfor %}
    {% endif %}
    {% do create_columns(target_relation, adapter.get_missing_columns(staged, target_relation) | rejectattr('name', 'in', own) | list) %}
    {% set columns = [] %}
    {% for column in adapter.get_columns_in_relation(staged) | rejectattr('name', 'in', own) %}{% do columns.append(adapter.quote(column.name)) %}{% endfor %}
    {% set final_sql = snapshot_merge_sql(target=target_relation, source=staged, insert_cols=columns) %}
  {% endif %}

  {% do check_time_data_types(rows) %}
  {% call statement('main') %}
      {{ final_sql }}
  {% endcall %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(exists, full_refresh_mode=False)) %}
  {% do persist_docs(target_relation, model) %}
  {% if not exists %}{% do create_indexes(target_relation) %}{% endif %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {% if staged is defined %}{% do post_snapshot(staged) %}{% endif %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}

{# -- strategies: when has a row changed, since when, and its version's id -- #}

{# The macro snapshot_<name>_strategy, of package `p` where the name is p.name. #}
{% macro strategy_dispatch(name) %}
  {% set package = name.split('.', 1)[0] if '.' in name else none %}
  {% if package is not none and package not in context %}
    {% do exceptions.raise_compiler_error("Could not find package '" ~ package ~ "', called with '" ~ name ~ "'") %}
  {% endif %}
  {% set scope = context if package is none else context[package] %}
  {% set short = name if package is none else name.split('.', 1)[1] %}
  {% set wanted = 'snapshot_' ~ short ~ '_strategy' %}
  {% if wanted not in scope %}
    {% do exceptions.raise_compiler_error("The specified strategy macro '" ~ short ~ "' was not found in package '" ~ package ~ "'") %}
  {% endif %}
  {% do return(scope[wanted]) %}
{% endmacro %}

{% macro snapshot_hash_arguments(args) -%}
  {{ adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) }}
{%- endmacro %}
{% macro default__snapshot_hash_arguments(args) -%}
  md5({% for one in args %}coalesce(cast({{ one }} as varchar ), ''){{ " || '|' || " if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() %}
  {% set updated_at = config.get('updated_at') %}
  {% set changed = '(' ~ snapshotted_rel ~ '.' ~ columns.dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')' %}
  {% do return(_snapshot_strategy(updated_at, changed)) %}
{% endmacro %}

{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set updated_at = config.get('updated_at') or snapshot_get_time() %}
  {% set column_added, names = snapshot_check_all_get_existing_columns(node, target_exists, config.get('check_cols')) %}
  {% set differences = [get_true_sql() | trim] if column_added else [] %}
  {% for name in names if not column_added %}
    {% set old = snapshotted_rel ~ '.' ~ name %}
    {% set new = current_rel ~ '.' ~ name %}
    {% do differences.append(old ~ ' != ' ~ new ~ ' or ((' ~ old ~ ' is null) and not (' ~ new ~ ' is null)) or ((not ' ~ old ~ ' is null) and (' ~ new ~ ' is null))') %}
  {% endfor %}
  {% do return(_snapshot_strategy(updated_at, '(' ~ differences | join(' or ') ~ ')')) %}
{% endmacro %}

{% macro _snapshot_strategy(updated_at, row_changed) %}
  {% set hard_deletes = adapter.get_hard_deletes_behavior(config) %}
  {% do return({
      'unique_key': config.get('unique_key'), 'updated_at': updated_at, 'row_changed': row_changed,
      'scd_id': snapshot_hash_arguments(api.Relation.scd_args(config.get('unique_key'), updated_at)),
      'invalidate_hard_deletes': hard_deletes == 'invalidate', 'hard_deletes': hard_deletes}) %}
{% endmacro %}

{# [has the query a column that the snapshot lacks, the checked columns that both have] #}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) %}
  {% if not target_exists %}{% do return((false, [])) %}{% endif %}
  {% if check_cols_config == 'all' %}
    {% set wanted = get_columns_in_query(node['compiled_code']) %}
  {% elif check_cols_config is iterable and check_cols_config %}
    {% set wanted = get_columns_in_query('select ' ~ check_cols_config | join(', ') ~ ' from (\n' ~ node['compiled_code'] ~ '\n) subq') %}
  {% else %}
    {% do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) %}
  {% endif %}
  {% set target_relation = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) %}
  {% set known = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list %}
  {% set common = [] %}
  {% for name in wanted if name in known %}{% do common.append(adapter.quote(name)) %}{% endfor %}
  {% do return((common | length < wanted | length, common)) %}
{% endmacro %}

{% macro snapshot_string_as_time(timestamp) -%}
  {{ adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp) }}
{%- endmacro %}
{% macro default__snapshot_string_as_time(timestamp) %}
  {% do exceptions.raise_not_implemented('snapshot_string_as_time macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{% macro get_true_sql() %}{% do return(adapter.dispatch('get_true_sql', 'dbt')()) %}{% endmacro %}
{% macro default__get_true_sql() %}{% do return('TRUE') %}{% endmacro %}

{% macro get_snapshot_table_column_names() %}
  {% do return({'dbt_valid_to': 'dbt_valid_to', 'dbt_valid_from': 'dbt_valid_from', 'dbt_scd_id': 'dbt_scd_id', 'dbt_updated_at': 'dbt_updated_at', 'dbt_is_deleted': 'dbt_is_deleted'}) %}
{% endmacro %}

{# The end of an open version; NULLIF gives the NULL the type of updated_at. #}
{% macro get_dbt_valid_to_current(strategy, columns) %}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ config.get('dbt_valid_to_current') or 'null' }})
  as {{ columns.dbt_valid_to }}
{% endmacro %}

{# -- keys of one or several columns -- #}

{% macro unique_key_fields(unique_key) %}
  {%- if unique_key | is_list -%}
    {% for key in unique_key %}{{ key }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}
  {%- else -%}
    {{ unique_key }} as dbt_unique_key
  {%- endif -%}
{% endmacro %}
{% macro unique_key_join_on(unique_key, identifier, from_identifier) %}
  {%- if unique_key | is_list -%}
    {% for key in unique_key %}{{ equals(identifier ~ '.dbt_unique_key_' ~ loop.index, from_identifier ~ '.dbt_unique_key_' ~ loop.index) }}{{ ' and ' if not loop.last }}{% endfor %}
  {%- else -%}
    {{ identifier }}.dbt_unique_key = {{ from_identifier }}.dbt_unique_key
  {%- endif -%}
{% endmacro %}
{% macro unique_key_is_null(unique_key, identifier) %}{{ identifier }}.dbt_unique_key{{ '_1' if unique_key | is_list }} is null{% endmacro %}
{% macro unique_key_is_not_null(unique_key, identifier) %}{{ identifier }}.dbt_unique_key{{ '_1' if unique_key | is_list }} is not null{% endmacro %}

{# -- the SQL -- #}

{# The first version of every row. #}
{% macro build_snapshot_table(strategy, sql) -%}
  {{ adapter.dispatch('build_snapshot_table', 'dbt')(strategy, sql) }}
{%- endmacro %}
{% macro default__build_snapshot_table(strategy, sql) %}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() %}
    select *,
        {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
        {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
        {{ get_dbt_valid_to_current(strategy, columns) }}
        {{- ", 'False' as " ~ columns.dbt_is_deleted if strategy.hard_deletes == 'new_record' }}
    from (
        {{ sql }}
    ) sbq
{% endmacro %}

{% macro build_snapshot_staging_table(strategy, sql, target_relation) %}
  {% set staged = make_temp_relation(target_relation) %}
  {% call statement('build_snapshot_staging_relation') %}
    {{ create_table_as(True, staged, snapshot_staging_table(strategy, sql, target_relation)) }}
  {% endcall %}
  {% do return(staged) %}
{% endmacro %}

{# What must change, one row each: `insert` (a new version), `update` (close the old one), `delete` (close: the row is gone). #}
{% macro snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {{ adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation) }}
{%- endmacro %}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  {%- set key = strategy.unique_key -%}
  {%- set marks = strategy.hard_deletes == 'new_record' -%}
  {%- set deletes = strategy.hard_deletes in ['invalidate', 'new_record'] -%}
  {%- set same_row = unique_key_join_on(key, 'snapshotted_data', 'source_data') -%}
  {%- set was_deleted = 'snapshotted_data.' ~ columns.dbt_is_deleted ~ " = 'True'" -%}
  {%- set changed = strategy.row_changed ~ (' or ' ~ was_deleted if marks else '') -%}
  {%- set still_open = 'snapshotted_data.' ~ columns.dbt_valid_to ~ (' = ' ~ current if current else ' is null') -%}
  {%- set gone = unique_key_is_null(key, 'source_data') ~ (' and not (' ~ was_deleted ~ ' and ' ~ still_open ~ ')' if marks else '') %}
    with snapshot_query as (
        {{ source_sql }}
    ),
    snapshotted_data as (
        select *, {{ unique_key_fields(key) }}
        from {{ target_relation }}
        where {% if current -%}
            ({{ equals(columns.dbt_valid_to | trim, current | trim) }} or {{ columns.dbt_valid_to | trim }} is null)
        {%- else -%}
            {{ columns.dbt_valid_to }} is null
        {%- endif %}
    ),
    new_versions as (
        select *, {{ unique_key_fields(key) }},
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ get_dbt_valid_to_current(strategy, columns) }},
            {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
        from snapshot_query
    ),
    closings as (
        select *, {{ unique_key_fields(key) }},
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
        from snapshot_query
    ),
    present as (
        select *, {{ unique_key_fields(key) }}
        from snapshot_query
    )
    select 'insert' as dbt_change_type, source_data.*{{ ", 'False' as " ~ columns.dbt_is_deleted if marks }}
    from new_versions as source_data
    left outer join snapshotted_data on {{ same_row }}
    where {{ unique_key_is_null(key, 'snapshotted_data') }} or ({{ unique_key_is_not_null(key, 'snapshotted_data') }} and ({{ changed }}))
    union all
    select 'update' as dbt_change_type, source_data.*, snapshotted_data.{{ columns.dbt_scd_id }}
        {{- ', snapshotted_data.' ~ columns.dbt_is_deleted if marks }}
    from closings as source_data
    join snapshotted_data on {{ same_row }}
    where {{ changed }}
  {%- if deletes %}
    union all
    select 'delete' as dbt_change_type, source_data.*,
        {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
        {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
        {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
        snapshotted_data.{{ columns.dbt_scd_id }}
        {{- ', snapshotted_data.' ~ columns.dbt_is_deleted if marks }}
    from snapshotted_data
    left join present as source_data on {{ same_row }}
    where {{ gone }}
  {%- endif %}
  {%- if marks %}
    {%- set kept = get_list_of_column_names(get_columns_in_relation(target_relation)) %}
    union all
    select 'insert' as dbt_change_type,
        {% for name in get_columns_in_query(source_sql) -%}
        {{ 'snapshotted_data' if name in kept else 'source_data' }}.{{ adapter.quote(name) }},
        {% endfor -%}
        {% for field in (['dbt_unique_key'] if not key | is_list else range(1, key | length + 1)) -%}
        {%- set field = field if field is string else 'dbt_unique_key_' ~ field -%}
        snapshotted_data.{{ field }} as {{ field }},
        {% endfor -%}
        {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
        {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
        snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
        {{ snapshot_hash_arguments([columns.dbt_scd_id, snapshot_get_time()]) }} as {{ columns.dbt_scd_id }},
        'True' as {{ columns.dbt_is_deleted }}
    from snapshotted_data
    left join present as source_data on {{ same_row }}
    where {{ gone }}
  {%- endif %}
{%- endmacro %}

{% macro snapshot_merge_sql(target, source, insert_cols) -%}
  {{ adapter.dispatch('snapshot_merge_sql', 'dbt')(target, source, insert_cols) }}
{%- endmacro %}
{% macro default__snapshot_merge_sql(target, source, insert_cols) %}
  {% do exceptions.raise_not_implemented('snapshot_merge_sql macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{% macro create_columns(relation, columns) %}
  {{ adapter.dispatch('create_columns', 'dbt')(relation, columns) }}
{% endmacro %}
{% macro default__create_columns(relation, columns) %}
  {% for column in columns %}
    {% call statement() %}alter table {{ relation.render() }} add column {{ adapter.quote(column.name) }} {{ column.expanded_data_type }};{% endcall %}
  {% endfor %}
{% endmacro %}

{% macro post_snapshot(staging_relation) %}
  {{ adapter.dispatch('post_snapshot', 'dbt')(staging_relation) }}
{% endmacro %}
{% macro default__post_snapshot(staging_relation) %}{% endmacro %}

{# -- a warning where the time's type does not fit -- #}

{% macro get_updated_at_column_data_type(snapshot_sql) %}
  {% for column in get_column_schema_from_query(snapshot_sql) if column.column | lower == 'dbt_updated_at' %}
    {% do return(column.dtype) %}
  {% endfor %}
  {% do return(none) %}
{% endmacro %}
{% macro check_time_data_types(sql) %}
  {% set found = get_updated_at_column_data_type(sql) %}
  {% set wanted = get_snapshot_get_time_data_type() %}
  {% if found is not none and wanted is not none and found != wanted %}
    {% do exceptions.warn_snapshot_timestamp_data_types(wanted, found) %}
  {% endif %}
{% endmacro %}
