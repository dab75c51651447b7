import { fromModel, type Model } from './comm';
export default { render({ model }: { model: Model; el: HTMLElement }) { return () => fromModel(model).close(); } };
