{# Tables and views in the general way: built beside the old one under another name, renamed into place. weir takes this way
   only where a project overrides a macro that it goes through; else it publishes by itself. Both ways keep dependents. #}

{# Names that a broken run may have left behind. #}
{% macro _drop_leftovers(relations) %}
  {% for relation in relations %}{% do drop_relation_if_exists(load_cached_relation(relation)) %}{% endfor %}
{% endmacro %}

{# The old relation, if it is still there, steps aside; the new one takes its name. #}
{% macro _swap_into_place(existing, retired, building, target) %}
  {% if existing is not none and load_cached_relation(existing) is not none %}
    {% do adapter.rename_relation(load_cached_relation(existing), retired) %}
  {% endif %}
  {% do adapter.rename_relation(building, target) %}
{% endmacro %}

{% materialization table, default %}
  {% set existing = load_cached_relation(this) %}
  {% set target_relation = this.incorporate(type='table') %}
  {% set building = make_intermediate_relation(target_relation) %}
  {% set retired = make_backup_relation(target_relation, 'table' if existing is none else existing.type) %}

  {% do _drop_leftovers([building, retired]) %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    {{ get_create_table_as_sql(False, building, sql) }}
  {%- endcall %}
  {% do create_indexes(building) %}
  {% do _swap_into_place(existing, retired, building, target_relation) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) %}
  {% do persist_docs(target_relation, model) %}
  {% do adapter.commit() %}
  {% do drop_relation_if_exists(retired) %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}

{% materialization view, default %}
  {% set existing = load_cached_relation(this) %}
  {% set target_relation = this.incorporate(type='view') %}
  {% set building = make_intermediate_relation(target_relation) %}
  {% set retired = make_backup_relation(target_relation, 'view' if existing is none else existing.type) %}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {% do _drop_leftovers([building, retired]) %}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    {{ get_create_view_as_sql(building, sql) }}
  {%- endcall %}
  {% do _swap_into_place(existing, retired, building, target_relation) %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {% do drop_relation_if_exists(retired) %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do return({'relations': [target_relation]}) %}
{% endmaterialization %}

{# For materializations of projects that replace a view in place. #}
{% macro create_or_replace_view() %}
  {% set existing = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) %}
  {% set target_relation = api.Relation.create(database=database, schema=schema, identifier=model['alias'], type='view') %}
  {{ run_hooks(pre_hooks) }}
  {% if existing is not none and existing.is_table %}{% do handle_existing_table(should_full_refresh(), existing) %}{% endif %}
  {% call statement('main') -%}
    {{ get_create_view_as_sql(target_relation, sql) }}
  {%- endcall %}
  {% set was_view = existing is not none and existing.is_view %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(was_view, full_refresh_mode=True)) %}
  {{ run_hooks(post_hooks) }}
  {% do return({'relations': [target_relation]}) %}
{% endmacro %}
{% macro handle_existing_table(full_refresh, old_relation) %}{% do adapter.dispatch('handle_existing_table', 'dbt')(full_refresh, old_relation) %}{% endmacro %}
{% macro default__handle_existing_table(full_refresh, old_relation) %}
  {% do log('Dropping relation ' ~ old_relation.render() ~ ' because it is of type ' ~ old_relation.type) %}
  {% do adapter.drop_relation(old_relation) %}
{% endmacro %}

{# -- clone: another environment's relation, as a view of it -- #}

{% macro can_clone_table() %}{% do return(adapter.dispatch('can_clone_table', 'dbt')()) %}{% endmacro %}
{% macro default__can_clone_table() %}{% do return(False) %}{% endmacro %}
{% macro create_or_replace_clone(this_relation, defer_relation) %}{% do return(adapter.dispatch('create_or_replace_clone', 'dbt')(this_relation, defer_relation)) %}{% endmacro %}
{% macro default__create_or_replace_clone(this_relation, defer_relation) %}
    create or replace table {{ this_relation.render() }} clone {{ defer_relation.render() }}
{% endmacro %}

{% materialization clone, default %}
  {% if not defer_relation %}
    {% do log('No relation found in state manifest for ' ~ model.unique_id, info=True) %}
    {% do return({'relations': []}) %}
  {% endif %}
  {% set existing = load_cached_relation(this) %}
  {% if existing and not flags.FULL_REFRESH %}
    {% do log('Relation ' ~ existing ~ ' already exists', info=True) %}
    {% do return({'relations': []}) %}
  {% endif %}
  {% set original = load_cached_relation(defer_relation) %}
  {% if original and original.type == 'table' and can_clone_table() %}
    {% set target_relation = this.incorporate(type='table') %}
    {% if existing is not none and not existing.is_table %}{% do drop_relation_if_exists(existing) %}{% endif %}
    {% if target_relation.render() != defer_relation.render() %}
      {% call statement('main') %}{{ create_or_replace_clone(target_relation, defer_relation) }}{% endcall %}
    {% endif %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) %}
    {% do persist_docs(target_relation, model) %}
    {% do return({'relations': [target_relation]}) %}
  {% endif %}
  {% set as_view = 'materialization_view_' ~ adapter.type() %}
  {% do return(context[as_view if as_view in context else 'materialization_view_default']()) %}
{% endmaterialization %}
