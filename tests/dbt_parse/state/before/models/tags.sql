{{ config(tags=['a']) }} select 1 as id
