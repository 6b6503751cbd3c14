-- Lists of { page =, visits = }, the most visited first.

function insert(pages, new)
  local out, placed = {}, false
  for _, page in ipairs(pages) do
    local before = new.visits > page.visits or (new.visits == page.visits and new.page < page.page)
    if before and not placed then
      out[#out + 1] = new
      placed = true
    end
    out[#out + 1] = page
  end
  if not placed then out[#out + 1] = new end
  return out
end

function remove(pages, old)
  local out = {}
  for _, page in ipairs(pages) do
    if page.page ~= old.page then out[#out + 1] = page end
  end
  return #out > 0 and out or list()
end

function first(pages, n)
  local out = {}
  for i, page in ipairs(pages) do
    if i > n then break end
    out[i] = page.page .. ": " .. page.visits
  end
  return #out > 0 and out or list()
end
