select {{ kept() }} as id
