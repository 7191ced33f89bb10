{{ config(materialized='incremental', unique_key=['id', 'day'], post_hook='select 3') }}
{{ config(post_hook='select 4', tags=['a']) }}
select * from {{ ref('orders') }} join {{ ref('shop', 'plain') }} using (id)
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
