-- The school whose domain is $1, the host that was asked; null: none.
select establishment_at(null, $1)
