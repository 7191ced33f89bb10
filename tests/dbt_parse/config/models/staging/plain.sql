

-- a model without any template
select 1 as id
