{{ config(materialized='table') }}
-- depends_on: {{ ref('by_time') }}
select id, dbt_valid_from::text as f, dbt_valid_to::text as t, dbt_scd_id as version, dbt_updated_at::text as u from {{ ref('by_time') }}
