/** Runs a script of Lua as Argo CD does, but without any of Lua's libraries, so that one which needs none is seen to. */
import fengari from 'fengari';

const { lauxlib, lua, to_luastring: bytes } = fengari;

type State = ReturnType<typeof lauxlib.luaL_newstate>;

const TOP = -1;
const BELOW_TOP = -2;

/** The fields of the table that a script returns, as text, when `obj` is this object. Throws with Lua's words. */
export function runHealthScript<const F extends string>(
  script: string,
  obj: object,
  fields: readonly F[],
): Readonly<Record<F, string>> {
  const state = lauxlib.luaL_newstate();
  push(state, obj);
  lua.lua_setglobal(state, bytes('obj'));
  const isLoaded = lauxlib.luaL_loadstring(state, bytes(script)) === lua.LUA_OK;
  if (!isLoaded || lua.lua_pcall(state, 0, 1, 0) !== lua.LUA_OK) throw new Error(lua.lua_tojsstring(state, TOP));
  const read = (field: F): readonly [F, string] => {
    lua.lua_getfield(state, TOP, bytes(field));
    const value = lua.lua_tojsstring(state, TOP);
    lua.lua_pop(state, 1);
    return [field, value];
  };
  return Object.fromEntries(fields.map(read)) as Record<F, string>;
}

/** As JSON becomes Lua there: lists count from 1, numbers are floats, and what is null is absent. */
function push(state: State, value: unknown): void {
  switch (typeof value) {
    case 'string':
      return lua.lua_pushstring(state, bytes(value));
    case 'number':
      return lua.lua_pushnumber(state, value);
    case 'boolean':
      return lua.lua_pushboolean(state, value);
    default:
      return pushTable(state, value as object);
  }
}

function pushTable(state: State, value: object): void {
  lua.lua_newtable(state);
  const isList = Array.isArray(value);
  Object.entries(value).forEach(([key, item], i) => {
    if (item === null || item === undefined) return;
    push(state, item);
    if (isList) lua.lua_seti(state, BELOW_TOP, i + 1);
    else lua.lua_setfield(state, BELOW_TOP, bytes(key));
  });
}
