-- How Argo CD tells the health of a CronSequentialJob: whether runs are created, not how they end. Given obj, the object; returns a
-- status and a message. It needs none of Lua's libraries, of which Argo CD has only some.

-- What a condition says; an empty one where it is absent.
local function condition(kind)
  local all = obj.status.conditions or {}
  for i = 1, #all do
    if all[i].type == kind then
      return all[i]
    end
  end
  return {}
end

-- Whether the status speaks of the object as it is now. A new one has none, or says -1.
local function isCurrent()
  if obj.status == nil or obj.status.observedGeneration == nil then
    return false
  end
  return obj.status.observedGeneration >= (obj.metadata.generation or 0)
end

local function health(status, message)
  return { status = status, message = message or "" }
end

if not isCurrent() then
  return health("Progressing", "Waiting for the operator")
end
if condition("Available").status == "False" then
  return health("Degraded", condition("Available").message)
end
if condition("Suspended").status == "True" then
  return health("Suspended", condition("Suspended").message)
end
if condition("Available").status == "True" then
  return health("Healthy", condition("Available").message)
end
return health("Progressing", condition("Available").message)
