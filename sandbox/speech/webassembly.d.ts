/** The part of WebAssembly's JavaScript API that is used here; TypeScript keeps it with the DOM's types. */
declare namespace WebAssembly {
  type Module = { readonly [compiled]: true };
  const compiled: unique symbol;
  class Memory {
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(
      module: Module,
      imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    );
    /** What a WASI program exports. */
    readonly exports: { readonly memory: Memory; readonly _start: () => void };
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
