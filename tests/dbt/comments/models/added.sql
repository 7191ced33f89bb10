{{ config(materialized='incremental') }}
select {{ this_statement(var('last', false)) }} as said from {{ ref('seen') }}
