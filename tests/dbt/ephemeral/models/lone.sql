
{{ config(materialized='ephemeral', schema='nowhere') }}
select 1 as nobody_needs_this
