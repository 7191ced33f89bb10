{# Relations: finding and naming them; the SQL that creates, renames, replaces and drops each kind. weir's adapter carries out
   drops and renames so that whatever depends on the relation survives; the texts here are for macros that build on them. #}

{% macro load_cached_relation(relation) %}
  {% do return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) %}
{% endmacro %}
{% macro load_relation(relation) %}{% do return(load_cached_relation(relation)) %}{% endmacro %}

{# [exists, relation] #}
{% macro get_or_create_relation(database, schema, identifier, type) %}{% do return(adapter.dispatch('get_or_create_relation', 'dbt')(database, schema, identifier, type)) %}{% endmacro %}
{% macro default__get_or_create_relation(database, schema, identifier, type) %}
  {% set found = adapter.get_relation(database=database, schema=schema, identifier=identifier) %}
  {% if found %}{% do return([true, found]) %}{% endif %}
  {% do return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) %}
{% endmacro %}

{# -- names beside a relation's own -- #}

{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') %}{% do return(adapter.dispatch('make_intermediate_relation', 'dbt')(base_relation, suffix)) %}{% endmacro %}
{% macro default__make_intermediate_relation(base_relation, suffix) %}{% do return(default__make_temp_relation(base_relation, suffix)) %}{% endmacro %}

{# Batches of a microbatch model run side by side: each has a temporary relation of its own. #}
{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {% set suffix = suffix ~ '_' ~ model.batch.id if suffix == '__dbt_tmp' and model.batch else suffix %}
  {% do return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) %}
{% endmacro %}
{% macro default__make_temp_relation(base_relation, suffix) %}
  {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) %}
{% endmacro %}

{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') %}{% do return(adapter.dispatch('make_backup_relation', 'dbt')(base_relation, backup_relation_type, suffix)) %}{% endmacro %}
{% macro default__make_backup_relation(base_relation, backup_relation_type, suffix) %}
  {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix}, type=backup_relation_type)) %}
{% endmacro %}

{# -- drop, rename, truncate: carried out -- #}

{% macro drop_relation(relation) %}{% do return(adapter.dispatch('drop_relation', 'dbt')(relation)) %}{% endmacro %}
{% macro default__drop_relation(relation) %}
  {% call statement('drop_relation', auto_begin=False) %}{{ get_drop_sql(relation) }}{% endcall %}
{% endmacro %}
{% macro drop_relation_if_exists(relation) %}
  {% if relation is not none %}{% do adapter.drop_relation(relation) %}{% endif %}
{% endmacro %}

{% macro rename_relation(from_relation, to_relation) %}{% do return(adapter.dispatch('rename_relation', 'dbt')(from_relation, to_relation)) %}{% endmacro %}
{% macro default__rename_relation(from_relation, to_relation) %}
  {% call statement('rename_relation') %}
    alter table {{ from_relation.render() }} rename to {{ adapter.quote_as_configured(to_relation.identifier, 'identifier') }}
  {% endcall %}
{% endmacro %}

{% macro truncate_relation(relation) %}{% do return(adapter.dispatch('truncate_relation', 'dbt')(relation)) %}{% endmacro %}
{% macro default__truncate_relation(relation) %}
  {% call statement('truncate_relation') %}truncate table {{ relation.render() }}{% endcall %}
{% endmacro %}

{# -- create: text -- #}

{% macro get_create_sql(relation, sql) -%}
  {{ adapter.dispatch('get_create_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__get_create_sql(relation, sql) -%}
  {%- if relation.is_view -%}{{ get_create_view_as_sql(relation, sql) }}
  {%- elif relation.is_table -%}{{ get_create_table_as_sql(False, relation, sql) }}
  {%- elif relation.is_materialized_view -%}{{ get_create_materialized_view_as_sql(relation, sql) }}
  {%- else -%}{%- do exceptions.raise_compiler_error('`get_create_sql` has not been implemented for: ' ~ relation.type) -%}
  {%- endif -%}
{%- endmacro %}

{% macro get_create_table_as_sql(temporary, relation, sql) -%}
  {{ adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql) }}
{%- endmacro %}
{% macro default__get_create_table_as_sql(temporary, relation, sql) %}{% do return(create_table_as(temporary, relation, sql)) %}{% endmacro %}
{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
  {%- if language == 'sql' -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
  {%- else -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language) }}
  {%- endif -%}
{%- endmacro %}
{% macro default__create_table_as(temporary, relation, sql) -%}
  {%- set contract = config.get('contract') -%}
  {{ config.get('sql_header', none) or '' }}
  create {{ 'temporary' if temporary }} table {{ relation.include(database=(not temporary), schema=(not temporary)) }}
  {%- if contract.enforced and not temporary -%}
    {{ get_assert_columns_equivalent(sql) }}{{ get_table_columns_and_constraints() }}
    {%- set sql = get_select_subquery(sql) %}
  {%- endif %}
  as (
    {{ sql }}
  );
{%- endmacro %}

{% macro get_create_view_as_sql(relation, sql) -%}
  {{ adapter.dispatch('get_create_view_as_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__get_create_view_as_sql(relation, sql) %}{% do return(create_view_as(relation, sql)) %}{% endmacro %}
{% macro create_view_as(relation, sql) -%}
  {{ adapter.dispatch('create_view_as', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__create_view_as(relation, sql) -%}
  {%- set contract = config.get('contract') -%}
  {{ config.get('sql_header', none) or '' }}
  create view {{ relation.render() }}
  {%- if contract.enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif %}
  as (
    {{ sql }}
  );
{%- endmacro %}

{% macro get_create_materialized_view_as_sql(relation, sql) -%}
  {{ adapter.dispatch('get_create_materialized_view_as_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__get_create_materialized_view_as_sql(relation, sql) %}
  {% do exceptions.raise_compiler_error('`get_create_materialized_view_as_sql` has not been implemented for this adapter.') %}
{% endmacro %}

{% macro get_create_intermediate_sql(relation, sql) -%}
  {{ adapter.dispatch('get_create_intermediate_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__get_create_intermediate_sql(relation, sql) -%}
  {%- set beside = make_intermediate_relation(relation) -%}
  {{ get_drop_sql(beside) }};
  {{ get_create_sql(beside, sql) }}
{%- endmacro %}

{% macro get_create_backup_sql(relation) -%}
  {{ adapter.dispatch('get_create_backup_sql', 'dbt')(relation) }}
{%- endmacro %}
{% macro default__get_create_backup_sql(relation) -%}
  {%- set backup = make_backup_relation(relation, relation.type) -%}
  {{ get_drop_sql(backup) }};
  {{ get_rename_sql(relation, backup.identifier) }}
{%- endmacro %}

{# -- drop: text -- #}

{% macro get_drop_sql(relation) -%}
  {{ adapter.dispatch('get_drop_sql', 'dbt')(relation) }}
{%- endmacro %}
{% macro default__get_drop_sql(relation) -%}
  {%- if relation.is_view -%}{{ drop_view(relation) }}
  {%- elif relation.is_table -%}{{ drop_table(relation) }}
  {%- elif relation.is_materialized_view -%}{{ drop_materialized_view(relation) }}
  {%- else -%}drop {{ relation.type }} if exists {{ relation.render() }}
  {%- endif -%}
{%- endmacro %}
{% macro drop_view(relation) -%}{{ adapter.dispatch('drop_view', 'dbt')(relation) }}{%- endmacro %}
{% macro default__drop_view(relation) -%}drop view if exists {{ relation.render() }}{%- endmacro %}
{% macro drop_table(relation) -%}{{ adapter.dispatch('drop_table', 'dbt')(relation) }}{%- endmacro %}
{% macro default__drop_table(relation) -%}drop table if exists {{ relation.render() }}{%- endmacro %}
{% macro drop_materialized_view(relation) -%}{{ adapter.dispatch('drop_materialized_view', 'dbt')(relation) }}{%- endmacro %}
{% macro default__drop_materialized_view(relation) -%}drop materialized view if exists {{ relation.render() }}{%- endmacro %}

{% macro get_drop_backup_sql(relation) -%}
  {{ adapter.dispatch('get_drop_backup_sql', 'dbt')(relation) }}
{%- endmacro %}
{% macro default__get_drop_backup_sql(relation) -%}
  {{ get_drop_sql(make_backup_relation(relation, relation.type)) }}
{%- endmacro %}

{# -- rename: text -- #}

{% macro get_rename_sql(relation, new_name) -%}
  {{ adapter.dispatch('get_rename_sql', 'dbt')(relation, new_name) }}
{%- endmacro %}
{% macro default__get_rename_sql(relation, new_name) -%}
  {%- if relation.is_view -%}{{ get_rename_view_sql(relation, new_name) }}
  {%- elif relation.is_table -%}{{ get_rename_table_sql(relation, new_name) }}
  {%- elif relation.is_materialized_view -%}{{ get_rename_materialized_view_sql(relation, new_name) }}
  {%- else -%}{%- do exceptions.raise_compiler_error('`get_rename_sql` has not been implemented for: ' ~ relation.type) -%}
  {%- endif -%}
{%- endmacro %}
{% macro get_rename_view_sql(relation, new_name) -%}{{ adapter.dispatch('get_rename_view_sql', 'dbt')(relation, new_name) }}{%- endmacro %}
{% macro default__get_rename_view_sql(relation, new_name) %}
  {% do exceptions.raise_compiler_error('`get_rename_view_sql` has not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_rename_table_sql(relation, new_name) -%}{{ adapter.dispatch('get_rename_table_sql', 'dbt')(relation, new_name) }}{%- endmacro %}
{% macro default__get_rename_table_sql(relation, new_name) %}
  {% do exceptions.raise_compiler_error('`get_rename_table_sql` has not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_rename_materialized_view_sql(relation, new_name) -%}{{ adapter.dispatch('get_rename_materialized_view_sql', 'dbt')(relation, new_name) }}{%- endmacro %}
{% macro default__get_rename_materialized_view_sql(relation, new_name) %}
  {% do exceptions.raise_compiler_error('`get_rename_materialized_view_sql` has not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_rename_intermediate_sql(relation) -%}
  {{ adapter.dispatch('get_rename_intermediate_sql', 'dbt')(relation) }}
{%- endmacro %}
{% macro default__get_rename_intermediate_sql(relation) -%}
  {{ get_rename_sql(make_intermediate_relation(relation), relation.identifier) }}
{%- endmacro %}

{# -- replace: text. In place where the database can, else beside and renamed -- #}

{% macro get_replace_sql(existing_relation, target_relation, sql) -%}
  {{ adapter.dispatch('get_replace_sql', 'dbt')(existing_relation, target_relation, sql) }}
{%- endmacro %}
{% macro default__get_replace_sql(existing_relation, target_relation, sql) -%}
  {%- if existing_relation.type == target_relation.type and existing_relation.can_be_replaced -%}
    {%- if existing_relation.is_view -%}{{ get_replace_view_sql(target_relation, sql) }}
    {%- elif existing_relation.is_table -%}{{ get_replace_table_sql(target_relation, sql) }}
    {%- else -%}{{ get_replace_materialized_view_sql(target_relation, sql) }}
    {%- endif -%}
  {%- else -%}
    {%- set beside = target_relation.can_be_renamed -%}
    {%- set movable = existing_relation.can_be_renamed -%}
    {%- set steps = [] -%}
    {%- if beside -%}{%- do steps.append(get_create_intermediate_sql(target_relation, sql)) -%}{%- endif -%}
    {%- do steps.append(get_create_backup_sql(existing_relation) if movable else get_drop_sql(existing_relation)) -%}
    {%- do steps.append(get_rename_intermediate_sql(target_relation) if beside else get_create_sql(target_relation, sql)) -%}
    {%- if movable -%}{%- do steps.append(get_drop_backup_sql(existing_relation)) -%}{%- endif -%}
    {{ steps | join(';\n') }}
  {%- endif -%}
{%- endmacro %}
{% macro get_replace_view_sql(relation, sql) -%}{{ adapter.dispatch('get_replace_view_sql', 'dbt')(relation, sql) }}{%- endmacro %}
{% macro default__get_replace_view_sql(relation, sql) %}
  {% do exceptions.raise_compiler_error('`get_replace_view_sql` has not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_replace_table_sql(relation, sql) -%}{{ adapter.dispatch('get_replace_table_sql', 'dbt')(relation, sql) }}{%- endmacro %}
{% macro default__get_replace_table_sql(relation, sql) %}
  {% do exceptions.raise_compiler_error('`get_replace_table_sql` has not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_replace_materialized_view_sql(relation, sql) -%}{{ adapter.dispatch('get_replace_materialized_view_sql', 'dbt')(relation, sql) }}{%- endmacro %}
{% macro default__get_replace_materialized_view_sql(relation, sql) %}
  {% do exceptions.raise_compiler_error('`get_replace_materialized_view_sql` has not been implemented for this adapter.') %}
{% endmacro %}

{# -- materialized views: text -- #}

{% macro refresh_materialized_view(relation) -%}{{ adapter.dispatch('refresh_materialized_view', 'dbt')(relation) }}{%- endmacro %}
{% macro default__refresh_materialized_view(relation) %}
  {% do exceptions.raise_compiler_error('`refresh_materialized_view` has not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_materialized_view_configuration_changes(existing_relation, new_config) %}{% do return(adapter.dispatch('get_materialized_view_configuration_changes', 'dbt')(existing_relation, new_config)) %}{% endmacro %}
{% macro default__get_materialized_view_configuration_changes(existing_relation, new_config) %}
  {% do exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') %}
{% endmacro %}
{% macro get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
  {{ adapter.dispatch('get_alter_materialized_view_as_sql', 'dbt')(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) }}
{%- endmacro %}
{% macro default__get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) %}
  {% do exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') %}
{% endmacro %}
