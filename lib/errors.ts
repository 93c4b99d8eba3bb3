/** The root of every error this library throws on purpose: catch it to tell a wrong call from a bug. */
export class GradiographError extends Error {
  override readonly name: string = 'GradiographError';
}

/** An argument has the wrong shape, rank or value. The message holds the op, what it got and what it wants. */
export class ShapeError extends GradiographError {
  override readonly name = 'ShapeError';
}

/** The gradient graph was misused: a second backward, a loss that is no scalar, a tensor used after disposal. */
export class AutogradError extends GradiographError {
  override readonly name = 'AutogradError';
}

/** A device is missing, cannot do what was asked, or ran out of memory. The message says what would help. */
export class DeviceError extends GradiographError {
  override readonly name = 'DeviceError';
}

/** A file is broken, or is not of the format it should be. The message names the file or the offset. */
export class FormatError extends GradiographError {
  override readonly name = 'FormatError';
}

/** A state dict does not fit the module it is loaded into. The message lists every key at fault. */
export class StateDictError extends GradiographError {
  override readonly name = 'StateDictError';
}

/** A model that was fused for inference was to be trained, or fused again. The message says what to do instead. */
export class FusedError extends GradiographError {
  override readonly name = 'FusedError';
}

/** A file could not be fetched. The message says which, and where to put it by hand. */
export class DownloadError extends GradiographError {
  override readonly name = 'DownloadError';
}

/** Training cannot go on: a loss that is no number. The message says in which epoch and batch, and what may help. */
export class TrainingError extends GradiographError {
  override readonly name = 'TrainingError';
}
