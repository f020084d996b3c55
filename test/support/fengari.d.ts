/** What is used of fengari, which has no types of its own: the C API of Lua 5.3 (https://www.lua.org/manual/5.3/manual.html#4). */
declare module 'fengari' {
  interface State {
    readonly _: unique symbol;
  }
  /** Lua's strings are bytes. */
  type LuaString = Uint8Array;

  const fengari: {
    readonly to_luastring: (text: string) => LuaString;
    readonly lauxlib: {
      readonly luaL_newstate: () => State;
      readonly luaL_loadstring: (state: State, script: LuaString) => number;
    };
    readonly lua: {
      readonly LUA_OK: number;
      readonly lua_newtable: (state: State) => void;
      readonly lua_pushboolean: (state: State, value: boolean) => void;
      readonly lua_pushnumber: (state: State, value: number) => void;
      readonly lua_pushstring: (state: State, value: LuaString) => void;
      readonly lua_setfield: (state: State, index: number, key: LuaString) => void;
      readonly lua_seti: (state: State, index: number, key: number) => void;
      readonly lua_setglobal: (state: State, name: LuaString) => void;
      readonly lua_getfield: (state: State, index: number, key: LuaString) => number;
      readonly lua_pcall: (state: State, args: number, results: number, handler: number) => number;
      readonly lua_tojsstring: (state: State, index: number) => string;
      readonly lua_pop: (state: State, count: number) => void;
    };
  };
  export default fengari;
}
