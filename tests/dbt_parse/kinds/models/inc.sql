{{ config(materialized='incremental') }} select * from {{ ref('reader') }} {% if is_incremental() %}where 1 = 1{% endif %}
