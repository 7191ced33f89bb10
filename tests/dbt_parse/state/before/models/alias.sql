{{ config(alias='another') }} select 1 as id
