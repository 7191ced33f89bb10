{{ config(materialized='ephemeral') }}
select id, label from {{ ref('base') }} where id > 1
