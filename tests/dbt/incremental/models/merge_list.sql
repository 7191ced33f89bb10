{{ config(materialized='incremental', unique_key=['id','grp'], incremental_strategy='merge') }}
select * from (values (1, 'a', {{ var('round') }} * 10), (2, 'b', {{ var('round') }} * 20), ({{ var('round') }} + 2, 'c', 0)) v(id, grp, v)
{% if is_incremental() %} where id > 1 {% endif %}
