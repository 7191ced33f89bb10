{% snapshot users_history %}
{{ config(target_schema='snapshots', strategy='timestamp', unique_key='id', updated_at='updated_at') }}
select * from {{ source('core', 'users') }}
{% endsnapshot %}
