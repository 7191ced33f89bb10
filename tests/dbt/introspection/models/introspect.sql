{{ config(materialized='table') }}
{% set answer = run_query("select id, amount, note, date '2024-02-29' + id as d, 1.50::numeric as n, true as b from " ~ source('raw', 'orders') ~ " order by id") %}
{% set lines = [] %}
{% if execute %}
  {% do lines.append('columns ' ~ (answer.column_names | join(','))) %}
  {% do lines.append('values ' ~ (answer.columns[0].values() | string)) %}
  {% do lines.append('by name ' ~ (answer.columns['note'].values() | list | string)) %}
  {% for row in answer %}{% do lines.append('row ' ~ (row.values() | list | string) ~ ' ' ~ row['amount'] ~ ' ' ~ row[0] ~ ' ' ~ (row.dict() if false else '')) %}{% endfor %}
  {% for row in answer.rows %}{% do lines.append('types ' ~ (row[1] is number) ~ ' ' ~ (row[2] is string) ~ ' ' ~ (row[5] is boolean)) %}{% endfor %}
  {% do lines.append('distinct ' ~ (answer.columns[5].values_distinct() | list | string)) %}
{% endif %}
{% for c in adapter.get_columns_in_relation(source('raw', 'orders')) %}{% do lines.append('column ' ~ c.name ~ ' ' ~ c.data_type ~ ' ' ~ c.quoted ~ ' ' ~ c.is_string() ~ ' ' ~ c.is_numeric() ~ ' ' ~ c) %}{% endfor %}
{% set r = adapter.get_relation(target.database, 'raw', 'orders') %}
{% do lines.append('relation ' ~ r ~ ' ' ~ r.type ~ ' ' ~ r.is_table ~ ' ' ~ (r is none)) %}
{% do lines.append('none ' ~ adapter.get_relation(target.database, 'raw', 'nothing')) %}
{% do lines.append('this ' ~ this.database ~ ' ' ~ this.schema ~ ' ' ~ this.identifier ~ ' ' ~ this.name ~ ' ' ~ this.include(database=false) ~ ' ' ~ this.quote(identifier=false)) %}
{% do lines.append('schema exists ' ~ adapter.check_schema_exists(target.database, 'raw') ~ ' ' ~ adapter.check_schema_exists(target.database, 'nope')) %}
{% do lines.append('quote ' ~ adapter.quote('x') ~ ' ' ~ adapter.type() ~ ' ' ~ target.type ~ ' ' ~ target.threads ~ ' ' ~ target.schema ~ ' ' ~ target.profile_name) %}
{% call statement('named', fetch_result=True) %}select 1 as one, 'x' as two{% endcall %}
{% set loaded = load_result('named') %}
{% if execute %}{% do lines.append('loaded ' ~ (loaded['data'] | string) ~ ' ' ~ loaded.response ~ ' ' ~ (loaded.table.columns | length)) %}{% endif %}
{% do lines.append('flags ' ~ flags.FULL_REFRESH ~ ' ' ~ flags.WHICH ~ ' ' ~ flags.STORE_FAILURES) %}
{% do lines.append('graph ' ~ (graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | map(attribute='name') | sort | join(',')) ~ ' ' ~ (graph.sources.values() | map(attribute='name') | list | length)) %}
{% do lines.append('model ' ~ model.unique_id ~ ' ' ~ model.config.materialized ~ ' ' ~ model.resource_type ~ ' ' ~ model['original_file_path']) %}
{% do lines.append('var ' ~ var('nested') ~ ' ' ~ var('missing', 'dflt')) %}
{% do lines.append('json ' ~ tojson({'b': [1, none, true], 'a': 'x'}) ~ ' ' ~ fromjson('{"k": [1.5]}') ~ ' ' ~ (toyaml({'a': 1}) | trim) ~ ' ' ~ fromyaml('a: [yes, 2]')) %}
{% do lines.append('set ' ~ (set([1, 1, 2]) | list) ~ ' ' ~ (zip([1, 2], ['a', 'b']) | list) ~ ' ' ~ local_md5('x')) %}
{% do lines.append('modules ' ~ modules.datetime.date(2024, 2, 29).strftime('%d/%m/%Y') ~ ' ' ~ modules.re.sub('a+', '-', 'baab') ~ ' ' ~ (modules.datetime.datetime(2024, 1, 1) + modules.datetime.timedelta(days=1))) %}
{% do lines.append('pytz ' ~ modules.pytz.timezone('Europe/Paris').localize(modules.datetime.datetime(2024, 7, 1, 12)).isoformat()) %}
{% do lines.append('itertools ' ~ (modules.itertools.chain([1], [2]) | list)) %}
{% do lines.append('relation create ' ~ api.Relation.create(database='d', schema='s', identifier='i', type='view') ~ ' ' ~ api.Column('c', 'numeric', none, 10, 2).data_type ~ ' ' ~ api.Column.translate_type('string')) %}
{% do lines.append('context ' ~ ('ref' in context) ~ ' ' ~ (context['dbt'] is defined) ~ ' ' ~ (execute | string)) %}
{% do lines.append('config ' ~ config.get('materialized') ~ ' ' ~ config.get('nope', 'd') ~ ' ' ~ (config.get('tags') | string)) %}
{% do lines.append('render ' ~ render('{' ~ '{ 1 + 1 }' ~ '}')) %}
{% do lines.append('diff ' ~ diff_of_two_dicts({'a': ['x', 'y']}, {'a': ['x']})) %}
{% do log('to the log', info=false) %}
{% do print('to the screen') %}
select line from (values {% for l in lines %}({{ loop.index }}, $l${{ l }}$l$){{ ',' if not loop.last }}{% endfor %}) v(i, line)
