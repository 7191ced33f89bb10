{{ config(materialized='table', post_hook='select 1/0') }} select 1 as n
