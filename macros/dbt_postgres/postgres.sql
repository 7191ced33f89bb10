{# What is PostgreSQL's own: the links postgres__* of the dispatch chain. #}

{# -- expressions -- #}

{% macro postgres__any_value(expression) %}{% do return('min(' ~ expression ~ ')') %}{% endmacro %}

{% macro postgres__equals(expr1, expr2) -%}
  {% if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn -%}
    {{ '\n    ' }}({{ expr1 }} IS NOT DISTINCT FROM {{ expr2 }})
  {%- else -%}
    ({{ expr1 }} = {{ expr2 }})
  {%- endif %}
{%- endmacro %}

{% macro postgres__dateadd(datepart, interval, from_date_or_timestamp) %}

    {{ from_date_or_timestamp }} + ((interval '1 {{ datepart }}') * ({{ interval }}))

{% endmacro %}

{# Boundaries crossed between two dates, as other databases count them. #}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
  {%- set a = '(' ~ first_date ~ ')' -%}
  {%- set b = '(' ~ second_date ~ ')' -%}
  {%- if datepart == 'year' %}
        (date_part('year', {{ b }}::date) - date_part('year', {{ a }}::date))
  {%- elif datepart == 'quarter' %}
        ({{ datediff(first_date, second_date, 'year') }} * 4 + date_part('quarter', {{ b }}::date) - date_part('quarter', {{ a }}::date))
  {%- elif datepart == 'month' %}
        ({{ datediff(first_date, second_date, 'year') }} * 12 + date_part('month', {{ b }}::date) - date_part('month', {{ a }}::date))
  {%- elif datepart == 'day' %}
        ({{ b }}::date - {{ a }}::date)
  {%- elif datepart == 'week' %}
        ({{ datediff(first_date, second_date, 'day') }} / 7 + case
            when date_part('dow', {{ a }}::timestamp) <= date_part('dow', {{ b }}::timestamp) then
                case when {{ first_date }} <= {{ second_date }} then 0 else -1 end
            else
                case when {{ first_date }} <= {{ second_date }} then 1 else 0 end
        end)
  {%- elif datepart == 'hour' %}
        ({{ datediff(first_date, second_date, 'day') }} * 24 + date_part('hour', {{ b }}::timestamp) - date_part('hour', {{ a }}::timestamp))
  {%- elif datepart == 'minute' %}
        ({{ datediff(first_date, second_date, 'hour') }} * 60 + date_part('minute', {{ b }}::timestamp) - date_part('minute', {{ a }}::timestamp))
  {%- elif datepart in ['second', 'millisecond', 'microsecond'] %}
        {%- set scale = {'second': 60, 'millisecond': 60000, 'microsecond': 60000000}[datepart] %}
        ({{ datediff(first_date, second_date, 'minute') }} * {{ scale }} + floor(date_part('{{ datepart }}', {{ b }}::timestamp)) - floor(date_part('{{ datepart }}', {{ a }}::timestamp)))
  {%- else -%}
    {%- do exceptions.raise_compiler_error('Unsupported datepart for macro datediff in postgres: {!r}'.format(datepart)) -%}
  {%- endif %}
    {{ '' }}
{%- endmacro %}

{# An interval of 1 quarter does not exist. #}
{% macro postgres__last_day(date, datepart) -%}
  {%- if datepart == 'quarter' -%}
    -- postgres dateadd does not support quarter interval.
    cast(
        {{ dateadd('day', '-1',
        dateadd('month', '3', date_trunc(datepart, date))
        ) }}
        as date)
  {%- else -%}
    {{ default_last_day(date, datepart) }}
  {%- endif -%}
{%- endmacro %}

{% macro postgres__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
  {% if limit_num -%}
    array_to_string(
        (array_agg(
            {{ measure }}
            {{ order_by_clause or '' }}
        ))[1:{{ limit_num }}],
        {{ delimiter_text }}
        )
  {%- else -%}
    {{ '\n    ' }}string_agg(
        {{ measure }},
        {{ delimiter_text }}
        {{ order_by_clause or '' }}
        )
  {%- endif %}
{%- endmacro %}

{% macro postgres__split_part(string_text, delimiter_text, part_number) %}

  {{ '\n    ' }}
  {{- default__split_part(string_text, delimiter_text, part_number) if part_number >= 0 else _split_part_negative(string_text, delimiter_text, part_number) }}
  {{ '\n\n' }}
{%- endmacro %}

{% macro postgres__current_timestamp() %}{% do return('now()') %}{% endmacro %}
{% macro postgres__snapshot_get_time() %}{{ current_timestamp() }}::timestamp without time zone{% endmacro %}
{% macro postgres__snapshot_string_as_time(timestamp) %}{% do return("'" ~ timestamp ~ "'::timestamp without time zone") %}{% endmacro %}
{% macro postgres__current_timestamp_backcompat() %}
    current_timestamp::{{ type_timestamp() }}
{% endmacro %}
{% macro postgres__current_timestamp_in_utc_backcompat() %}
    (current_timestamp at time zone 'utc')::{{ type_timestamp() }}
{% endmacro %}

{# -- relations -- #}

{% macro postgres__create_table_as(temporary, relation, sql) -%}
  {%- set contract = config.get('contract') -%}
  {{ config.get('sql_header', none) or '' }}
  create {{ 'temporary' if temporary else 'unlogged' if config.get('unlogged', default=false) else '' }} table {{ relation }}
  {%- if contract.enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
  {%- if contract.enforced and not temporary -%}
    {{ get_table_columns_and_constraints() }};
    insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }})
    {%- set sql = get_select_subquery(sql) %}
  {%- else %}
  as
  {%- endif %}
  (
    {{ sql }}
  );
{%- endmacro %}

{% macro postgres__get_replace_view_sql(relation, sql) -%}
  {%- set contract = config.get('contract') -%}
  {{ config.get('sql_header', none) or '' }}
  create or replace view {{ relation }}
  {%- if contract.enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif %}
  as (
    {{ sql }}
  );
{%- endmacro %}
{% macro postgres__get_replace_table_sql(relation, sql) %}
  {% do exceptions.raise_not_implemented('get_replace_table_sql macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}

{% macro postgres__drop_table(relation) -%}drop table if exists {{ relation }}{%- endmacro %}
{% macro postgres__drop_view(relation) -%}drop view if exists {{ relation }}{%- endmacro %}
{% macro postgres__drop_materialized_view(relation) -%}drop materialized view if exists {{ relation }}{%- endmacro %}
{% macro postgres__get_rename_table_sql(relation, new_name) -%}alter table {{ relation }} rename to {{ new_name }}{%- endmacro %}
{% macro postgres__get_rename_view_sql(relation, new_name) -%}alter view {{ relation }} rename to {{ new_name }}{%- endmacro %}
{% macro postgres__get_rename_materialized_view_sql(relation, new_name) -%}alter materialized view {{ relation }} rename to {{ new_name }}{%- endmacro %}

{# Names end after 63 bytes: the base is cut so that the suffix stays. `dstring` adds the time, for names used once. #}
{% macro postgres__make_relation_with_suffix(base_relation, suffix, dstring) %}
  {% set suffix = suffix ~ modules.datetime.datetime.now().strftime('%H%M%S%f') if dstring else suffix %}
  {% set room = base_relation.relation_max_name_length() - suffix | length %}
  {% if room < 0 %}
    {% do exceptions.raise_compiler_error('Relation suffix is too long (' ~ suffix | length ~ ' characters). Maximum length is ' ~ base_relation.relation_max_name_length() ~ ' characters.') %}
  {% endif %}
  {% do return(base_relation.incorporate(path={'identifier': base_relation.identifier[:room] ~ suffix})) %}
{% endmacro %}
{% macro postgres__make_intermediate_relation(base_relation, suffix) %}
  {% do return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=False)) %}
{% endmacro %}
{% macro postgres__make_temp_relation(base_relation, suffix) %}
  {% do return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=True).incorporate(path={'schema': none, 'database': none})) %}
{% endmacro %}
{% macro postgres__make_backup_relation(base_relation, backup_relation_type, suffix) %}
  {% do return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=False).incorporate(type=backup_relation_type)) %}
{% endmacro %}

{# -- indexes -- #}

{% macro postgres__get_create_index_sql(relation, index_dict) -%}
  {%- set index = adapter.parse_index(index_dict) -%}
  create {{ 'unique' if index.unique }} index if not exists "{{ index.render(relation) }}"
  on {{ relation }} {{ 'using ' ~ index.type if index.type }} ({{ index.columns | join(', ') }})
{%- endmacro %}
{% macro postgres__get_drop_index_sql(relation, index_name) -%}drop index if exists "{{ relation.schema }}"."{{ index_name }}"{%- endmacro %}
{% macro postgres__get_show_indexes_sql(relation) %}
    select c.relname as name, am.amname as method, x.indisunique as "unique", array_to_string(array_agg(a.attname), ',') as column_names
    from pg_catalog.pg_index x
    join pg_catalog.pg_class c on c.oid = x.indexrelid
    join pg_catalog.pg_am am on am.oid = c.relam
    join pg_catalog.pg_class t on t.oid = x.indrelid and t.relkind in ('r', 'm', 'p')
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = any(x.indkey)
    where t.relname = '{{ relation.identifier }}' and n.nspname = '{{ relation.schema }}'
    group by 1, 2, 3
    order by 1, 2, 3
{% endmacro %}

{# -- comments and grants -- #}

{# Quoted by dollars, so that a comment may hold anything but this one word. #}
{% macro postgres_escape_comment(comment) -%}
  {% if comment is not string %}{% do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) %}{% endif %}
  {%- set quote = '$dbt_comment_literal_block$' -%}
  {%- if quote in comment -%}{%- do exceptions.raise_compiler_error('The string ' ~ quote ~ ' is not allowed in comments.') -%}{%- endif -%}
  {{ quote }}{{ comment }}{{ quote }}
{%- endmacro %}
{% macro postgres__alter_relation_comment(relation, comment) -%}
  comment on {{ 'materialized view' if relation.type == 'materialized_view' else relation.type }} {{ relation }} is {{ postgres_escape_comment(comment) }};
{%- endmacro %}
{% macro postgres__alter_column_comment(relation, column_dict) %}
  {% set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
  {% for name in column_dict if name in known %}
    comment on column {{ relation }}.{{ adapter.quote(name) if column_dict[name]['quote'] else name }} is {{ postgres_escape_comment(column_dict[name]['description']) }};
  {% endfor %}
{% endmacro %}

{# Only what the current role granted, to others. #}
{% macro postgres__get_show_grant_sql(relation) -%}
  select grantee, privilege_type
  from {{ relation.information_schema('role_table_grants') }}
  where grantor = current_role and grantee != current_role
    and table_schema = '{{ relation.schema }}' and table_name = '{{ relation.identifier }}'
{%- endmacro %}
{% macro postgres__copy_grants() %}{% do return(False) %}{% endmacro %}

{# -- schemas and what is in them -- #}

{% macro postgres__create_schema(relation) %}
  {% if relation.database %}{% do adapter.verify_database(relation.database) %}{% endif %}
  {% call statement('create_schema') %}create schema if not exists {{ relation.without_identifier().include(database=False) }}{% endcall %}
{% endmacro %}
{% macro postgres__drop_schema(relation) %}
  {% if relation.database %}{% do adapter.verify_database(relation.database) %}{% endif %}
  {% call statement('drop_schema') %}drop schema if exists {{ relation.without_identifier().include(database=False) }}{% endcall %}
{% endmacro %}
{% macro postgres__information_schema_name(database) %}{% do return('information_schema') %}{% endmacro %}
{% macro postgres__list_schemas(database) %}
  {% if database %}{% do adapter.verify_database(database) %}{% endif %}
  {% call statement('list_schemas', fetch_result=True, auto_begin=False) %}select nspname from pg_catalog.pg_namespace{% endcall %}
  {% do return(load_result('list_schemas').table) %}
{% endmacro %}
{% macro postgres__check_schema_exists(information_schema, schema) %}
  {% if information_schema.database %}{% do adapter.verify_database(information_schema.database) %}{% endif %}
  {% call statement('check_schema_exists', fetch_result=True, auto_begin=False) %}
    select count(*) from pg_catalog.pg_namespace where nspname = '{{ schema }}'
  {% endcall %}
  {% do return(load_result('check_schema_exists').table) %}
{% endmacro %}

{# A partitioned table is a table; its partitions are not relations of their own. #}
{% macro postgres__list_relations_without_caching(schema_relation) %}
  {% call statement('list_relations_without_caching', fetch_result=True) %}
    select '{{ schema_relation.database }}' as database, c.relname as name, n.nspname as schema,
        case c.relkind when 'v' then 'view' when 'm' then 'materialized_view' else 'table' end as type
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname ilike '{{ schema_relation.schema }}' and c.relkind in ('r', 'p', 'v', 'm')
    union all
    select distinct '{{ schema_relation.database }}', p.proname, n.nspname, 'function'
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname ilike '{{ schema_relation.schema }}'
  {% endcall %}
  {% do return(load_result('list_relations_without_caching').table) %}
{% endmacro %}

{% macro postgres__get_columns_in_relation(relation) %}
  {% call statement('get_columns_in_relation', fetch_result=True) %}
    select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale
    from {{ relation.information_schema('columns') }}
    where table_name = '{{ relation.identifier }}'
      {{ "and table_schema = '" ~ relation.schema ~ "'" if relation.schema }}
    order by ordinal_position
  {% endcall %}
  {% do return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) %}
{% endmacro %}

{# Which view reads which relation. #}
{% macro postgres__get_relations() %}
  {% call statement('relations', fetch_result=True) %}
    select distinct vn.nspname as dependent_schema, v.relname as dependent_name, rn.nspname as referenced_schema, r.relname as referenced_name
    from pg_catalog.pg_rewrite w
    join pg_catalog.pg_class v on v.oid = w.ev_class
    join pg_catalog.pg_namespace vn on vn.oid = v.relnamespace
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> w.ev_class
    join pg_catalog.pg_class r on r.oid = d.refobjid
    join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace and rn.nspname <> 'information_schema' and rn.nspname not like 'pg\_%'
    order by 1, 2, 3, 4
  {% endcall %}
  {% do return(load_result('relations').table) %}
{% endmacro %}
{% macro postgres_get_relations() %}{% do return(postgres__get_relations()) %}{% endmacro %}

{# Every column of the relations (or of whole schemas, where no identifier is named), for catalog.json. #}
{% macro postgres__get_catalog_relations(information_schema, relations) %}
  {% call statement('catalog', fetch_result=True) %}
    {%- do adapter.verify_database(information_schema.database) %}
    select '{{ information_schema.database }}' as table_database, n.nspname as table_schema, c.relname as table_name,
        case c.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' else 'BASE TABLE' end as table_type,
        pg_catalog.obj_description(c.oid, 'pg_class') as table_comment,
        a.attname as column_name, a.attnum as column_index, pg_catalog.format_type(a.atttypid, a.atttypmod) as column_type,
        pg_catalog.col_description(c.oid, a.attnum) as column_comment, pg_catalog.pg_get_userbyid(c.relowner) as table_owner
    from pg_catalog.pg_namespace n
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'v', 'f', 'p', 'm') and c.relpersistence in ('p', 'u')
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where (
      {%- for relation in relations -%}
        (upper(n.nspname) = upper('{{ relation.schema }}')
        {{- " and upper(c.relname) = upper('" ~ relation.identifier ~ "')" if relation.identifier }})
        {{- ' or ' if not loop.last }}
      {%- endfor -%}
    )
    order by n.nspname, c.relname, a.attnum
  {% endcall %}
  {% do return(load_result('catalog').table) %}
{% endmacro %}
{% macro postgres__get_catalog(information_schema, schemas) %}
  {% set relations = [] %}
  {% for schema in schemas %}{% do relations.append({'schema': schema}) %}{% endfor %}
  {% do return(postgres__get_catalog_relations(information_schema, relations)) %}
{% endmacro %}

{# -- incremental models and snapshots -- #}

{% macro postgres__get_incremental_default_sql(arg_dict) %}
  {% do return(get_incremental_delete_insert_sql(arg_dict) if arg_dict['unique_key'] else get_incremental_append_sql(arg_dict)) %}
{% endmacro %}
{% macro postgres__get_incremental_microbatch_sql(arg_dict) %}
  {% if not arg_dict['unique_key'] %}{% do exceptions.raise_compiler_error("dbt-postgres 'microbatch' requires a `unique_key` config") %}{% endif %}
  {% do return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) %}
{% endmacro %}

{# Close what ended, then add what is new. #}
{% macro postgres__snapshot_merge_sql(target, source, insert_cols) -%}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
    update {{ target }}
    set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }}::text = {{ target }}.{{ columns.dbt_scd_id }}::text
      and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)
      and ({{ target ~ '.' ~ columns.dbt_valid_to ~ ' = ' ~ current ~ ' or ' if current }}{{ target }}.{{ columns.dbt_valid_to }} is null);

    insert into {{ target }} ({{ insert_cols | join(', ') }})
    select {% for column in insert_cols %}DBT_INTERNAL_SOURCE.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text;
{%- endmacro %}

{# -- materialized views: of their configuration only the indexes are compared -- #}

{% macro postgres__get_create_materialized_view_as_sql(relation, sql) %}
    create materialized view if not exists {{ relation }} as {{ sql }};
    {% for index in config.get('indexes', []) %}{{ get_create_index_sql(relation, index) }};
    {% endfor %}
{% endmacro %}
{% macro postgres__refresh_materialized_view(relation) -%}refresh materialized view {{ relation }}{%- endmacro %}
{% macro postgres__describe_materialized_view(relation) %}
  {% do return({'indexes': run_query(get_show_indexes_sql(relation))}) %}
{% endmacro %}
{% macro postgres__get_materialized_view_configuration_changes(existing_relation, new_config) %}
  {% set wanted = [] %}
  {% for index in new_config.get('indexes', []) %}
    {% do wanted.append([index.columns | sort | join(','), index.get('unique', false), index.get('type') or 'btree']) %}
  {% endfor %}
  {% set present = [] %}
  {% set changes = [] %}
  {% for row in postgres__describe_materialized_view(existing_relation).indexes.rows %}
    {% do present.append([row['column_names'].split(',') | sort | join(','), row['unique'], row['method']]) %}
    {% if present[-1] not in wanted %}{% do changes.append({'action': 'drop', 'context': {'name': row['name']}}) %}{% endif %}
  {% endfor %}
  {% for index in new_config.get('indexes', []) %}
    {% if wanted[loop.index0] not in present %}{% do changes.append({'action': 'create', 'context': {'as_node_config': index}}) %}{% endif %}
  {% endfor %}
  {% do return({'requires_full_refresh': false, 'indexes': changes} if changes else none) %}
{% endmacro %}
{% macro postgres__get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
  {%- if configuration_changes.requires_full_refresh -%}
    {{ get_replace_sql(existing_relation, relation, sql) }}
  {%- else -%}
    {{ postgres__update_indexes_on_materialized_view(relation, configuration_changes.indexes) }}
  {%- endif -%}
{%- endmacro %}
{% macro postgres__update_indexes_on_materialized_view(relation, index_changes) -%}
  {%- set statements = [] -%}
  {%- for change in index_changes -%}
    {%- if change.action == 'drop' -%}
      {%- do statements.append(postgres__get_drop_index_sql(relation, change.context.name)) -%}
    {%- elif change.action == 'create' -%}
      {%- do statements.append(postgres__get_create_index_sql(relation, change.context.as_node_config)) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ statements | join(';\n') }}
{%- endmacro %}

{# -- functions -- #}

{% macro postgres__formatted_scalar_function_args_sql() %}
  {% set arguments = [] %}
  {% for argument in model.arguments %}
    {% set value = argument.get('default_value', none) %}
    {% do arguments.append(argument.name ~ ' ' ~ argument.data_type ~ (' DEFAULT ' ~ value if value is not none else '')) %}
  {% endfor %}
  {% do return(arguments | join(', ')) %}
{% endmacro %}
