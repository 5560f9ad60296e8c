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
    readonly exports: Readonly<Record<string, unknown>>;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
