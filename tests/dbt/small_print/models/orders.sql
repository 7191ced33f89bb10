select 10 as id, 1 as customer_id /* {{ ref('customers') }} */
