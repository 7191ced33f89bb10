{{ config(materialized='kept', alias='own') }} select 1 as n
