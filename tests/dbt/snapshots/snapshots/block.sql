{% snapshot by_time %}
{{ config(target_schema='snaps', unique_key='id', strategy='timestamp', updated_at='updated_at') }}
select * from {{ ref('src') }}
{% endsnapshot %}
{% snapshot by_check %}
{{ config(schema='snaps', unique_key='id', strategy='check', check_cols=['name', 'amount'], updated_at='updated_at') }}
select * from {{ ref('src') }}
{% endsnapshot %}
{% snapshot gone %}
{{ config(schema='snaps', unique_key=['id', 'name'], strategy='check', check_cols='all', hard_deletes='invalidate') }}
select id, name, amount {% if var('round') > 1 %}, amount * 2 as added {% endif %} from {{ ref('src') }}
{% endsnapshot %}
