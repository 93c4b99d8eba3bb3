import { FormatError, StateDictError } from '../errors.ts';

/**
 * Reads a file by `read`, whose FormatError and StateDictError then name the file.
 * @throws FormatError, also for a file that is not there or cannot be read
 */
export async function naming<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${path}: ${error.message}`, { cause: error });
    if (error instanceof StateDictError)
      throw new StateDictError(`${path}: ${error.message}`, { cause: error });
    if (isFileError(error))
      throw new FormatError(`${path}: cannot be read (${faultOf(error)})`, { cause: error });
    throw error;
  }
}

export const isFileError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error;

/** "ENOSPC: no space left on device" of "ENOSPC: no space left on device, write". */
export const faultOf = ({ message }: Error): string => message.replace(/,.*/s, '');
