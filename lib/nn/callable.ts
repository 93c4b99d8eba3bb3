/** The call of a module: `model(x)` is `model.forward(x)`. */
type Call<Inputs extends unknown[], Output> = (...inputs: Inputs) => Output;

interface Forward<Inputs extends unknown[], Output> {
  forward: Call<Inputs, Output>;
}

/**
 * The base of objects that can be called. Only a function can, so the constructor makes one, gives it the class'
 * prototype, and returns it for `this`: fields and methods of subclasses are then the function's, `instanceof` holds,
 * and what functions have of their own (`name`, `length`, `call`, `bind`) is gone.
 */
class CallableBase<Inputs extends unknown[], Output> {
  constructor() {
    const call = (...inputs: Inputs): Output =>
      (call as unknown as Forward<Inputs, Output>).forward(...inputs);
    Object.setPrototypeOf(call, new.target.prototype);
    for (const own of ['name', 'length']) Reflect.deleteProperty(call, own);
    // biome-ignore lint/correctness/noConstructorReturn: what is returned takes the place of `this`
    return call as unknown as CallableBase<Inputs, Output>;
  }
}

export const Callable = CallableBase as unknown as abstract new <Inputs extends unknown[], Output>() => Call<
  Inputs,
  Output
>;
