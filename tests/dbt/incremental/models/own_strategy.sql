{{ config(materialized='incremental', incremental_strategy='insert_marked') }}
select {{ var('round') }} as id
