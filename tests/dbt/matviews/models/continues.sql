{{ config(materialized='materialized_view', on_configuration_change='continue', indexes=[{'columns': ['one']}] if var('round') > 1 else []) }} select 1 as one
