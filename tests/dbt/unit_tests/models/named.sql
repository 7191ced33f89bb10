select {{ unit_tests.mult() }} as by_package, {{ mult() }} as by_name from {{ ref('users') }}
