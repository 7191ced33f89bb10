{{ config(materialized='table', tags=['b']) }} select * from {{ ref('body') }}
