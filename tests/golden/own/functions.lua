local rates = { food = 5, books = 10 }

-- With the tax of the order's kind, in whole cents.
function gross(order)
  local rate = rates[order.kind] or 20
  return order.price * (100 + rate) // 100
end

function initials(name)
  local out = ''
  for word in string.gmatch(name, '%a+') do out = out .. upper(string.sub(word, 1, 1)) end
  return out
end
