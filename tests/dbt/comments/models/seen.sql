{{ config(materialized='table', pre_hook="insert into dbt.log (said) select {{ this_statement(var('last', false)) }}") }}
select {{ this_statement(var('last', false)) }} as said
